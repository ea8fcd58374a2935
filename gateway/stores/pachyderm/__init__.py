"""The Pachyderm store: branches of PFS repos as buckets. What must last lives in Pachyderm."""

import os

# Read once, when grpc is first imported: its library writes plain lines between our JSON logs
# whenever a server goes away.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
