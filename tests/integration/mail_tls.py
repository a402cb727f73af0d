"""What mail servers of tests need: a certificate, and a port, which aiosmtpd wants to know before."""
import socket
import ssl
import subprocess

from raw_ws import TMP


def certificate(name):
    crt, key = f"{TMP}/{name}.crt", f"{TMP}/{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-keyout", key, "-out", crt],
                   check=True, stderr=subprocess.DEVNULL)
    return crt, key


def context(pair):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*pair)
    return made


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
