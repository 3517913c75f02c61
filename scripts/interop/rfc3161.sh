#!/usr/bin/env bash
# Other people's clients against our timestamp authority: each takes timestamps and verifies them.
# What is missing is installed: Debian's packages by apt-get, the Python ones into a temporary environment.
# To be run by scripts/interop.sh.
# shellcheck source=scripts/interop/common.sh
. "$(dirname "$0")/common.sh"

# Against an authority with a key of each kind: rfc3161ng knows RSA alone.
if [ -z "${TSA_KEY:-}" ]; then
  for key in p256 rsa3072; do
    echo "key: $key"
    TSA_KEY=$key ./scripts/interop/rfc3161.sh
  done
  exit 0
fi
interop_begin rfc3161

has jarsigner || needs default-jdk-headless
has osslsigncode || needs osslsigncode
has gcab || needs gcab
has python3 || needs python3
python3 -c 'import venv, ensurepip' 2>/dev/null || needs python3-venv
install_needed

for n in 1 2 3; do net_init_witness "$n" 127.0.0.1:0; net_serve_witness "$n"; done
net_init_log interop.treering.example/log 127.0.0.1:0 127.0.0.1:0
net_init_tsa --key "$TSA_KEY"
net_serve_log
net_wait_ready
net_write_policy
CA=$NET_TSA_CA
CHAIN=$NET/log/tsa-chain.pem
TSA=$NET_LOG_URL/tsa
cd "$WORK"

# OpenJDK
quiet keytool -genkeypair -keystore keys.p12 -storepass changeit -alias signer -keyalg EC -dname CN=signer -validity 30
quiet keytool -importcert -keystore trust.p12 -storepass changeit -alias tsa -file "$CA" -noprompt
quiet keytool -exportcert -keystore keys.p12 -storepass changeit -alias signer -file signer.der
quiet keytool -importcert -keystore trust.p12 -storepass changeit -alias signer -file signer.der -noprompt
echo hello >hello.txt
quiet jar --create --file hello.jar hello.txt
quiet jarsigner -keystore keys.p12 -storepass changeit -tsa "$TSA" hello.jar signer
quiet jarsigner -verify -strict -verbose -certs -keystore trust.p12 -storepass changeit hello.jar
said 'jar verified'
said 'Timestamped by'
passed "jarsigner ($(java -version 2>&1 | head -n 1)) timestamps and verifies"

# Python
quiet python3 -m venv venv
quiet venv/bin/pip install --quiet --disable-pip-version-check rfc3161ng==2.1.3 rfc3161-client==1.0.9
cat >ng.py <<'PY'
import sys, rfc3161ng
tsa, chain = sys.argv[1], open(sys.argv[2], "rb").read()
stamper = rfc3161ng.RemoteTimestamper(tsa, certificate=chain, hashname="sha256", include_tsa_certificate=True)
token = stamper.timestamp(data=b"hello")
assert rfc3161ng.check_timestamp(token, data=b"hello", certificate=chain, hashname="sha256")
print("genTime", rfc3161ng.get_timestamp(token))
try:
    rfc3161ng.check_timestamp(token, data=b"hallo", certificate=chain, hashname="sha256")
except ValueError:
    pass
else:
    sys.exit("other data passed")
PY
if [ "$TSA_KEY" = rsa3072 ]; then
  quiet venv/bin/python ng.py "$TSA" "$CHAIN"
  said genTime
  passed "rfc3161ng timestamps and verifies"
fi
cat >client.py <<'PY'
import sys, urllib.request
from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerifierBuilder, VerificationError, decode_timestamp_response
tsa, root = sys.argv[1], x509.load_pem_x509_certificate(open(sys.argv[2], "rb").read())
request = TimestampRequestBuilder().data(b"hello").nonce(nonce=True).cert_request(cert_request=True).build()
for url in (tsa, tsa + "?proof=embed"):
    post = urllib.request.Request(url, request.as_bytes(), {"content-type": "application/timestamp-query"})
    response = decode_timestamp_response(urllib.request.urlopen(post).read())
    verifier = VerifierBuilder.from_request(request).add_root_certificate(root).build()
    assert verifier.verify_message(response, b"hello")
    try:
        verifier.verify_message(response, b"hallo")
    except VerificationError:
        pass
    else:
        sys.exit("other data passed")
print("genTime", response.tst_info.gen_time)
PY
quiet venv/bin/python client.py "$TSA" "$CA"
said genTime
passed "rfc3161-client timestamps and verifies, with and without the embedded proof"

# Authenticode
quiet openssl req -x509 -newkey rsa:3072 -nodes -keyout code.key -out code.pem -days 30 -subj /CN=code \
  -addext extendedKeyUsage=codeSigning
quiet gcab --create hello.cab hello.txt
quiet osslsigncode sign -certs code.pem -key code.key -ts "$TSA" -in hello.cab -out signed.cab
quiet osslsigncode verify -CAfile code.pem -TSA-CAfile "$CA" -in signed.cab
said 'Timestamp Server Signature verification: ok'
passed "$(osslsigncode --version 2>&1 | head -n 1 | cut -d, -f1) timestamps and verifies a cabinet file"

# The log's half, from the very file that others verify
quiet "$BIN/treering" tsa hello.txt --server "$TSA" --proof -o hello.tsr
quiet openssl ts -verify -data hello.txt -in hello.tsr -CAfile "$CA"
said 'Verification: OK'
quiet "$BIN/treering" verify hello.txt hello.tsr --ca "$CA" --policy "$NET/policy"
echo hallo >hello.txt
refused openssl ts -verify -data hello.txt -in hello.tsr -CAfile "$CA"
refused "$BIN/treering" verify hello.txt hello.tsr --ca "$CA" --policy "$NET/policy"
passed "one file for openssl ts -verify and treering verify"
