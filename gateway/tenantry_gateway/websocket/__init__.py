"""The WebSocket protocol: frames, connections, and how all of them end."""
