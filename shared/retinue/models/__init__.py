"""Published models: packages, where they are found, and the warm cache."""
