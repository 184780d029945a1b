"""One file a command. Each has ``register(app)``; nothing is listed by hand."""
