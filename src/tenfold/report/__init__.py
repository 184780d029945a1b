"""Reports: a result in, bytes out. Nothing here fits anything or opens a file of the user's."""
