"""Reports leave for folders, the artifact store, GitHub and webhooks: each version once in effect, the newest alone.

Here belongs where and how they leave; what a report says and how it looks is made before.
"""
