"""Jobs: one module per pathway, plus the asset jobs. Steps call engines; no rule of the business lives here."""
