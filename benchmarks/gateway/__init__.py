"""How much the gateway adds: its requests, streams, memory and start beside a floor, the SDK and LiteLLM's proxy."""
