"""The commands of `sapo`, a module each. `register(app)` adds a module's commands; heavy imports wait inside them."""
