#!/bin/sh
# What udhcpc calls with what it was given: the address, and beside it the file
# $LEASE with "address router dns".
set -e
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address flush dev "$interface"
ip address add "$ip/$mask" dev "$interface"
echo "$ip ${router:--} ${dns:--}" >"$LEASE"
