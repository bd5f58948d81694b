-- SQLite has no hash indexes, and appends what falls anywhere.
SELECT 1;
