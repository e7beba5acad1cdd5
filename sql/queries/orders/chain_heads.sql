-- Every workspace that has a custody chain, with the number of its last link: one step of the index from workspace to
-- workspace.
WITH RECURSIVE chains (workspace) AS (
    SELECT min(workspace) FROM patch_custody
    UNION ALL
    SELECT (SELECT min(link.workspace) FROM patch_custody AS link WHERE link.workspace > chains.workspace)
    FROM chains
    WHERE chains.workspace IS NOT NULL
)
SELECT
    chains.workspace,
    (
        SELECT link.seq FROM patch_custody AS link
        WHERE link.workspace = chains.workspace
        ORDER BY link.workspace DESC, link.seq DESC LIMIT 1
    ) AS seq
FROM chains
WHERE chains.workspace IS NOT NULL
