"""Mail: how a letter looks, and how it is handed over to a server."""
