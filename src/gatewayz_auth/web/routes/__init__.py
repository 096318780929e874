"""The comfortable routes, on FastAPI; the hot one stands beside them in ``web.sign_in``."""
