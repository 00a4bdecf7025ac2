"""An HTTP server on PORT whose first N answers are 503: `http_server.py PORT N`.

Says on standard error what it answers. Answers each line of standard input with
the same line.
"""

import http.server
import itertools
import os
import sys
import threading

answered = itertools.count()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        code = 503 if next(answered) < int(sys.argv[2]) else 200
        print(self.path, code, file=sys.stderr, flush=True)
        body = str(os.getpid()).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for line in sys.stdin:
    print(line, end="", flush=True)
