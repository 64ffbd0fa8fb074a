"""Options that several commands take."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

SOME = Parameter(validator=Number(gt=0))  # none would be judged as if all had gone well
InstanceName = Annotated[
    str, Parameter("--instance", env_var="PAYMESH_INSTANCE", help="Which instance: a name of letters, digits, - and _.")
]
