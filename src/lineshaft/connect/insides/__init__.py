"""One way of looking inside a machine a module, named as the source's protocol; a look reads and never changes anything."""
