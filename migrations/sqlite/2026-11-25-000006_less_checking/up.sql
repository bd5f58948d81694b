-- PostgreSQL's only: SQLite cannot drop the reference without writing the table anew.
SELECT 1;
