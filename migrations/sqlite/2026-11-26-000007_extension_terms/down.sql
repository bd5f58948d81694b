-- More terms than are asked for do no harm.
SELECT 1;
