"""The models' APIs, behind one small interface."""
