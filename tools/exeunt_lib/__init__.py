"""What tools/exeunt is made of: one module a step."""
