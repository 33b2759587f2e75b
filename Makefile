# make demo        try Crier in the browser: needs only Go
# make quick       the tests that need nothing but Go
# make test        every test, against real servers; installs the Debian packages it needs
# make transcripts write the answers that come into the transcripts
# make fuzz        each fuzz test for FUZZTIME
# make lint        what a Go team would be told in review
# make bench       figures, side by side, in one run

GO ?= go
FUZZTIME ?= 30s
GOLANGCI = $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

demo:
	$(GO) run ./cmd/crier demo

quick:
	$(GO) vet ./...
	$(GO) test ./locales/ ./conversation/ ./conversation/understand/ ./bots/

test:
	./.ci/packages gcc libc6-dev tzdata postgresql chromium nodejs npm dovecot-imapd dovecot-lmtpd postfix spamassassin \
		kannel kannel-extras gammu gammu-smsd smstools
	$(GO) vet ./...
	$(GO) test -race -timeout 14m ./...

transcripts:
	$(GO) test ./conversation/transcript -run TestTranscripts/.*/sqlite -update

fuzz:
	@for package in $$($(GO) list ./...); do \
		for test in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$test"; \
			$(GO) test -run '^$$' -fuzz "^$$test$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done

lint:
	test -z "$$(gofmt -l .)"
	$(GOLANGCI) run

bench:
	./.ci/packages postgresql
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./conversation/state/ ./mail/ ./mail/smtp/ ./mail/digest/ ./bots/sms/

.PHONY: demo quick test transcripts fuzz lint bench
