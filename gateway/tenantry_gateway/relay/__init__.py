"""The Anthropic API as it is, through the gateway: stateless, without the SDK, audited and counted."""
