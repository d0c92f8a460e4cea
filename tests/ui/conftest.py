from tests.models.conftest import bundle as bundle
