# The server of the corpus: one port for each way to serve. Prints a line once it listens.
import socket, struct, sys, threading, time


def database(sock):
    """Greets, and does what each line says."""
    sock.sendall(b"8.0.36 ready\n")
    for line in sock.makefile("rb"):
        word, _, number = line.decode().strip().partition(" ")
        if word == "BIG":
            sock.sendall(b"r" * int(number))
        elif word == "LATER":
            time.sleep(float(number))
            sock.sendall(b"row\n" * 10)
        elif word == "TICK":
            for _ in range(int(number)):
                time.sleep(0.3)
                sock.sendall(b"tick\n")
        elif word == "BYE":
            break
        elif word == "RESET":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            break
        else:
            sock.sendall(b"OK\n")


def web(sock):
    """Answers a request for /N with N octets."""
    request = b""
    while b"\r\n\r\n" not in request:
        piece = sock.recv(4096)
        if not piece:
            return
        request += piece
    size = int(request.split()[1].strip(b"/") or b"0")
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    sock.sendall(head.encode() + b"w" * size)


def mute(sock):
    """Takes the connection, and never says a word."""
    while sock.recv(4096):
        pass


def full(sock):
    """Reads nothing."""
    sock.sendall(b"hold on\n")
    time.sleep(60)


def hasty(sock):
    """Ends a connection on which nothing happens for a second."""
    sock.sendall(b"hello\n")
    sock.settimeout(1)
    try:
        while sock.recv(4096):
            pass
    except TimeoutError:
        pass


def sink(sock):
    """Reads to the end, and answers then."""
    while sock.recv(65536):
        pass
    sock.sendall(b"stored\n")


def serve(port, how, family):
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if how is full:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listener.bind(("", port))
    listener.listen(0 if how is None else 64)
    while how is None:
        time.sleep(60)

    def one(sock):
        with sock:
            try:
                how(sock)
            except OSError:
                pass

    def accept():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=one, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


family = socket.AF_INET6 if sys.argv[1] == "6" else socket.AF_INET
for port, how in [
    (3306, database),
    (5433, database),
    (7001, lambda sock: None),
    (7002, mute),
    (7003, full),
    (7004, hasty),
    (7006, sink),
    (8080, web),
]:
    serve(port, how, family)
threading.Thread(target=serve, args=(7005, None, family), daemon=True).start()
time.sleep(0.05)
print("ready", flush=True)
time.sleep(600)
