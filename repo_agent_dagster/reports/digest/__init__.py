"""The weekly digest: all orders of one ISO week on one page, beside the week before."""
