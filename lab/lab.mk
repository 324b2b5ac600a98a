# make lab: tests of the whole system on networks of their own, in three browsers.
# Wants no root where the kernel lets everyone make namespaces; else it says what it
# leaves out. LAB=namespaces refuses to leave out anything, LAB=loopback is the other.

# Each program that the lab runs, and the Debian package that has it.
LAB_PROGRAMS = chromium:chromium firefox-esr:firefox-esr WebKitWebDriver:webkit2gtk-driver \
  Xvfb:xvfb dnsmasq:dnsmasq-base udhcpc:udhcpc ip:iproute2 nft:nftables certutil:libnss3-tools

# The tests that are about the device, too; make lab-firmware has the firmware's
# program in the virtual device's place.
LAB_DEVICE_TESTS = $(addprefix tests/,direct.test.ts window.test.ts byhand.test.ts setbacks.test.ts)

.PHONY: lab lab-firmware lab-packages lab-programs

lab: lab-packages lab-programs npm
	cd lab && npm run --silent check && PATH="$$PATH:/usr/sbin:/sbin" npm test --silent

lab-firmware: lab-packages lab-programs firmware
	cd lab && PATH="$$PATH:/usr/sbin:/sbin" TENDRIL_FIRMWARE="$(CURDIR)/dist/tendril-firmware" npx vitest run $(LAB_DEVICE_TESTS)

lab-packages: node
	$(call packages,lab,they drive the browsers of the lab)

lab-programs:
	@missing=; for each in $(LAB_PROGRAMS); do \
	  PATH="$$PATH:/usr/sbin:/sbin" command -v $${each%%:*} >/dev/null || missing="$$missing $${each##*:}"; \
	done; \
	test -z "$$missing" || { \
	  echo "The lab needs browsers, and programs that make its networks. Installing Debian's$$missing."; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing ca-certificates >/dev/null; \
	}
