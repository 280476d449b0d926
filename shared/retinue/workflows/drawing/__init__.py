"""Drawing on pictures, pixel for pixel as OpenCV draws."""
