"""The agents of this node, one file a trade; none is at work before somebody registers it and names a model."""
