"""What pages and reports share: the look, escaping, making untrusted text safe, wording, putting files in place.

Nothing here knows what a report is about; that stays with the engine that writes it.
"""
