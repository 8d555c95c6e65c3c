"""Systems an approved purchase or a work order can go to; each file is one plugin with `PLUGIN`."""
