"""What people and agents read of an incident: texts by rule or by a model, and what makes log text safe to show."""
