-- How many patches ended with each error. A patch counts once, with its last error.
SELECT error, count(*) AS patches
FROM patch_facts
WHERE error IS NOT NULL
GROUP BY error
ORDER BY patches DESC, error
