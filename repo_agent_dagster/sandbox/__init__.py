"""Docker sandboxes: one container for one task, limited, without privileges, and gone with the task.

Here belongs everything that talks to Docker, and nothing of what is done *inside* a sandbox: that is `pathways`.
Import from the modules (`sandbox.sandbox`, `sandbox.spec`, …); this file stays empty so that importing the package
loads neither docker nor the store.
"""
