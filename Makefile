# gatewayz-auth: `make help` lists everything.
.DEFAULT_GOAL := help
