"""What the pages and reports of all engines share: the style sheet, escaping, wording, and how a file is put in place.

Nothing here knows what a report is about; that stays with the engine that writes it.
"""
