"""Every notifier passes the suite that is shipped for every notifier."""

from __future__ import annotations

import pytest

from lockgate.testing.alerts import NotifierConformance


class TestMail(NotifierConformance):
    @pytest.fixture
    def stand(self, mail_stand):
        return mail_stand


class TestSlack(NotifierConformance):
    @pytest.fixture
    def stand(self, slack_stand):
        return slack_stand


class TestPagerDuty(NotifierConformance):
    @pytest.fixture
    def stand(self, pagerduty_stand):
        return pagerduty_stand


class TestWebhook(NotifierConformance):
    @pytest.fixture
    def stand(self, webhook_stand):
        return webhook_stand
