"""Options that several commands take."""

from typing import Annotated

from cyclopts import Parameter

InstanceName = Annotated[
    str, Parameter("--instance", env_var="PAYMESH_INSTANCE", help="Which instance: a name of letters, digits, - and _.")
]
