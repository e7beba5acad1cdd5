"""What people and agents read of an incident: texts by rule or by a model."""
