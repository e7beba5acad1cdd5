"""What goes on record of a batch, and the spool that holds it while the store is away."""
