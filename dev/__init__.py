"""What developers and CI need around the product: tools, clusters, images, stand-ins. Never part of an image."""
