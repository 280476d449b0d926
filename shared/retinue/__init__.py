"""Retinue: vision inference in your own AWS account, compatible with Roboflow's hosted API."""

__version__ = "0.1.0"
