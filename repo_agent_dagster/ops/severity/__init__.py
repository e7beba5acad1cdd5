"""How grave an incident is: rules that are data, each with its reason."""
