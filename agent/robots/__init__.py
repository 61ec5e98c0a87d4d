"""Real arms behind one port: drivers, what makes a World of one, and the list of those that exist."""
