"""From what a request says about a picture to its pixels."""
