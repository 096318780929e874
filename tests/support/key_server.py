"""A key server over real HTTP that answers, drips or keeps silent as a test says."""

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class KeyServer:
    """A key server that answers what ``behave`` does with the handler, and counts who asks."""

    def __init__(self, behave):
        self.asked = 0
        self.paths = []
        self.released = threading.Event()
        self.behave = behave
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.paths.append(self.path)
                with contextlib.suppress(OSError):
                    outer.behave(self)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def is_asked(self):
        """A condition to wait for: somebody has asked since."""
        before = self.asked
        return lambda: self.asked > before

    def stop(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answers(body, status=200, **headers):
    def behave(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def drips(server):
    """One letter each 20 ms without end: no single read ever times out."""

    def behave(handler):
        handler.send_response(200)
        handler.end_headers()
        while not server.released.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return behave
