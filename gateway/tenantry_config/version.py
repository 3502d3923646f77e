"""The one place that names the version of the distribution and its images."""

__version__ = "0.1.0"
