"""The console: pages that people look at and decide on, drawn on the server and whole without JavaScript."""
