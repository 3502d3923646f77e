"""Measurements, each against a baseline in the same run. No part of the tests: nothing here passes or fails."""
