"""The floor plan: the one place where rooms are joined."""
