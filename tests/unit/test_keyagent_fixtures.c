/*  test_keyagent_fixtures -- upstream's fixtures: every key derived, every link of a chain
 * verified. */
#include "../../common/crypto/am_curve.h"
#include "../../common/crypto/am_secp.h"
#include "../../common/wire/am_dstack.h"

#include <criterion/criterion.h>
#include <string.h>

/* A KMS, and the app key that it gave: dstack page 2.2 (both), 7 V-B and V-C. */
static const struct app {
    const char *name, *app_id, *app_key, *app_pub, *chain1, *root_pub;
} apps[] = {
    {"fixture 0.5.6 and later", "5bb4ff9a3837357f19dc176407a5709c62eb6c56",
     "d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d",
     "02818494263695e8839122dbd88e281d7380622999df4e60a14befa0f2d096fc7c",
     "9e618603e72d01fedb82deff6daf2d62a572becf0059eec3f89c1ab40e1f2e594d2a283f843f34e8f39e4cc49a612"
     "496ce67223a12ac923f8efe330346dfc6c500",
     "0321529e458424ab1f710a3a57ec4dad2fb195ddca572f7469242ba6c7563085b6"},
    {"fixture 0.4.2 to 0.5.5", "ea549f02e1a25fabd1cb788380e033ec5461b2ff",
     "e0e5d254fb944dcc370a2e5288b336a1e809871545a73ee645368957fefa31f9",
     "02b85cceca0c02d878f0ebcda72a97469a472416eb6faf3c4807642132f9786810",
     "2f431c7956869a4fe3e028c5f9518a935e2d01e81a3628f8b1d178fc2fac7b6d2405ace433624e5568e23c4ed291d"
     "baf60dac79b756837c0fe745154ebfdc0a601",
     "02cad3a8bb11c5c0858fb3e402048b5137457039d577986daade678ed4b4ab1b9b"},
    {"V-B", "a9019d1b2c3d4e5f60718293a4b5c6d7e8f90a1b",
     "2ae51b5c23b22c9b9dc0b8263a8b0b5f003e6d6fbc60c7ebb88696136a4dac0b",
     "03f8669c2bf08c4deeb712b81d456cd1eadbf97872dfc5d5ca916edf605fc5b6fe",
     "00ac321fbbe6817c5de0720644e936b20046ff1c9226e0558a9c86856e8a1dd06bb7a7efae1cf3ec522553c28627e"
     "a96c139d5dc9cdd5a1898c2406c074438d800",
     "0318f228673448772dd4835a82149a9d475db8095234469a8fcc85cfa18b85abbc"},
    {"V-C", "", "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b",
     "0375427ab8309aad26beea8142edf427674e4544604ae4dc5045108ad21fc8a0db", "", ""},
};
enum { NEW, OLD, V_B, V_C };

static const struct row {
    int app;
    const char *path, *purpose;
    bool ed25519;
    const char *key, *pub, *chain0;
} rows[] = {
    {NEW, "/test/path", "test-purpose", false,
     "b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7",
     "02c1082e78670feed1c847db81dbd71be37e4d53200a746c0a89f0afa8173cf566",
     "f50c51735a97072f0c98125ed61fc84e2fdb36e95990b9e57337dadc0e2a9712227f04e07209faecb8891d59ec144"
     "a6c13e411dc90b3423f28071bd3fe11978d01"},
    {NEW, "/", "test", true, "f6c1ed94488394d78e0a4e5ab75d62e9f085d73b0b555d0614fb90ca13d9464d",
     "50c1bfb9452a56317338272a252bd7430b38843d10fa4d491351a434a13bdc21",
     "7752352aa2ad8b337a3845661073fb42ef1b1d3313d8ce0b8976ccc21505e0c62e79eb7aaf9b51768b0f9762e6209"
     "8710ce4e8cabd450670b2fb0040e8551cb300"},
    {NEW, "", "", false, "aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b",
     "027458ba47c31272b5076edebdc1ecdaedef806b10d76dd0a209cbd1fa14a3f9cf",
     "64ce2f1b381d04f7404fda78bdc942c314d89b7069d97eea1897e51b249dd3b1700995cbf7efe7ff04195dd6e31f1"
     "53b702eeeeaffc5941510739dc39b9bd9cf01"},
    {NEW, "test/wallet", "ethereum", false,
     "143a1b5adb60fb8a1b39c908d98bdecf11e748f79034e09a4af94712baa93cd5",
     "032eb32fe300c29e10f805c8bd345e5601b1c6d0e10d645d49f9d6aae8bb0664f7",
     "4cd82bd2cbee0deb95b128a91a4b09fb0868a6a681f1e36ee0273e127fcf9b001f2f6609ff26dbbdd2db3e412fd6f"
     "7a756db067cec4cfa81409adf369778331700"},
    {NEW, "vms", "signing", false,
     "1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2",
     "036105f01d1fd781568f7c208b087b1c4f522601410ed7e9c7870d573de7c46d54",
     "51ec279eb0da3fb45335c2fd6badaf701905bf35f229912976c4ae3c9d649cf97f964473f2dce7118743bad84a6df"
     "707d11c9b5f0b38379204e14fd2c7baddba01"},
    {NEW, "vms", "signing", true,
     "1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2",
     "698f56bd587d8ce3ca8db0e1c361ba9d190089f98dc4d9df800ff92ed073a65d",
     "d61ff204728dae76ba4e29313003433d533d069f9c98ebb3382104145f1c664c59fac4326a86420ec3f450303d3a6"
     "75d595f546448076a464343bcc25143c4a300"},
    {V_B, "vms", "signing", false,
     "95c8e9f38d09b353ae49b806a17a0a72d5f96d208d5e0fec93e4b391a01c078b",
     "03f6e0f232f5eb6f4b118960a80c3939ea947b6dc727215aba43451910f2741bb8",
     "77ae5ea476f00df11938fd1df3a65a4fbd9f92b64c816b9f29ee79a1e4ae74ed43269a36376b4ed838460ef3b56ba"
     "553cefa6e63def4a4487386f783f14295a001"},
    {V_B, "vms", "signing", true,
     "95c8e9f38d09b353ae49b806a17a0a72d5f96d208d5e0fec93e4b391a01c078b",
     "f2c761dfee96542500c1ca5460bb0e327b4acb67d882f5846e21baa8d55d2f5b",
     "181498cdcebe6cae41fe1474b3d8af53c7969a2fb20f9f20a5cdcc9d92f5596d500cf9605996ec2e55406666fee63"
     "0d5882e5e97c2417e079c6f074ca6c7c57301"},
    {V_C, "test", "signing", false,
     "52786aa123b0971e283af97f32e25767483d099d66e6c40afeb3a49046b5379e",
     "02ead9e0064aad1bb151c270c78ef82a4caf6d3fc92c311804e79751deb3476919",
     "c8a3dcf06c4e95bd78a5d7a1c8fcff171fc5848cfae804c6fc11bda4dc5d4062379995390843827444992c4c0e4ba"
     "c70f0f878e01b9fc8b98cd7126fe5a3876b01"},
};

static struct am_bin
hex(const char *text)
{
    static uint8_t ring[16][128];
    static unsigned at;
    struct am_bin out = {ring[at++ % 16], 0};

    cr_assert_eq(am_unhex_some(ring[(at - 1) % 16], 128, &out.len, am_str_of(text), "test", NULL),
                 AM_OK, "%s", text);
    return out;
}

static void
address(uint8_t out[static 20], const char *pub)
{
    cr_assert_eq(am_address_of_pub(out, hex(pub), NULL), AM_OK);
}

Test(keyagent_fixtures, every_key_is_derived_from_its_app_key)
{
    uint8_t key[32], pub[33];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];

        cr_assert_eq(am_dstack_key(key, hex(apps[r->app].app_key).p, am_str_of(r->path), NULL),
                     AM_OK);
        cr_assert_arr_eq(key, hex(r->key).p, 32, "%s %s", apps[r->app].name, r->path);
        cr_assert_eq(r->ed25519 ? am_ed25519_pub(pub, key, NULL) : am_secp_pub(pub, key, NULL),
                     AM_OK);
        cr_assert_arr_eq(pub, hex(r->pub).p, r->ed25519 ? 32 : 33, "%s %s", apps[r->app].name,
                         r->path);
    }
    cr_assert_eq(am_dstack_app_key(
                     key, hex("4b4d532d726f6f742d746573742d6b65792d646f2d6e6f742d75736521212101").p,
                     hex(apps[V_B].app_id).p, NULL),
                 AM_OK);
    cr_assert_arr_eq(key, hex(apps[V_B].app_key).p, 32, "V-B, from the KMS root");
}

/* Who signed link 0 over this row's key; zero for nobody. */
static void
signer0(uint8_t out[static 33], const struct row *r, const uint8_t sig[static 65])
{
    uint8_t digest[32];

    memset(out, 0, 33);
    cr_assert_eq(am_dstack_app_digest(digest, am_str_of(r->purpose), hex(r->pub), NULL), AM_OK);
    if (am_secp_recover(out, digest, sig, AM_V_RECID, NULL) != AM_OK)
        memset(out, 0, 33);
}

Test(keyagent_fixtures, every_first_link_is_the_app_keys_and_no_flipped_one_is)
{
    uint8_t got[33], sig[65];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        const struct am_bin want = hex(apps[r->app].app_pub);

        memcpy(sig, hex(r->chain0).p, 65);
        signer0(got, r, sig);
        cr_assert_arr_eq(got, want.p, 33, "%s %s", apps[r->app].name, r->path);
        for (size_t at = 0; at < 65; at++) {
            sig[at] ^= 1;
            signer0(got, r, sig);
            cr_assert_arr_neq(got, want.p, 33, "%s %s, byte %zu", apps[r->app].name, r->path, at);
            sig[at] ^= 1;
        }
    }
}

Test(keyagent_fixtures, every_second_link_is_the_kms_roots_and_no_flipped_one_is)
{
    uint8_t root[20], got[20], digest[32], sig[65];

    for (size_t i = NEW; i <= V_B; i++) {
        address(root, apps[i].root_pub);
        am_dstack_kms_digest(digest, hex(apps[i].app_id).p, hex(apps[i].app_pub).p);
        memcpy(sig, hex(apps[i].chain1).p, 65);
        cr_assert_eq(am_secp_recover_address(got, digest, sig, AM_V_RECID, NULL), AM_OK);
        cr_assert_arr_eq(got, root, 20, "%s", apps[i].name);
        for (size_t at = 0; at < 65; at++) {
            sig[at] ^= 1;
            cr_assert(am_secp_recover_address(got, digest, sig, AM_V_RECID, NULL) != AM_OK ||
                          memcmp(got, root, 20) != 0,
                      "%s, byte %zu", apps[i].name, at);
            sig[at] ^= 1;
        }
    }
}

/* Both links at once, as a key of ours is checked. */
Test(keyagent_fixtures, whole_chains_verify_for_their_own_app_alone)
{
    uint8_t app_pub[33], root[20], want[20], app_sig[65], kms_sig[65];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        const struct app *a = &apps[r->app];

        if (r->ed25519 || r->app == V_C)
            continue; /* another public key, and no KMS signature to check */
        address(want, a->root_pub);
        cr_assert_eq(am_dstack_chain(app_pub, root, app_sig, kms_sig, am_str_of(r->purpose),
                                     hex(r->pub).p, hex(a->app_id).p, hex(r->chain0),
                                     hex(a->chain1), NULL),
                     AM_OK);
        cr_assert_arr_eq(root, want, 20);
        cr_assert_arr_eq(app_pub, hex(a->app_pub).p, 33);
        cr_assert(am_dstack_chain(app_pub, root, app_sig, kms_sig, am_str_of(r->purpose),
                                  hex(r->pub).p, hex(apps[OLD].app_id).p, hex(r->chain0),
                                  hex(a->chain1), NULL) != AM_OK ||
                      memcmp(root, want, 20) != 0,
                  "another app id");
    }
}

/* V-B, "must be refused": the same r and the other s. */
Test(keyagent_fixtures, high_s_is_refused)
{
    uint8_t sig[65] = {0}, out[65];
    struct am_error err = {0};

    memcpy(sig, hex("4753cea786fe882ec17a1f75199d15f43e864286ddf1d599a901e503db787dc2").p, 32);
    memcpy(sig + 32, hex("a37da37585da6583da902408a18b428b9287a4f66f845641d9aa95d78f94df4d").p, 32);
    cr_assert_eq(am_sig_normalise(out, AM_BIN(sig), "link", &err), AM_INVALID_ARGUMENT);
    memcpy(sig + 32, hex("5c825c8a7a259a7c256fdbf75e74bd73282737f03fc449f9e627c8b540a161f4").p, 32);
    cr_assert_eq(am_sig_normalise(out, AM_BIN(sig), "link", &err), AM_OK, "%s", err.text);
}
