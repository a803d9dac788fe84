/** Words for codes: short, common, and spelled as they are heard. */
export const words: readonly string[] = `
  acid acorn actor album amber angel ankle apple april arena arrow aspen atlas autumn bacon badge
  bagel bakery bamboo banana banjo barrel basil basin basket beach beacon beaver bell bench berry
  birch bison blanket blossom boat bonfire book boot bottle bowl branch brass bread brick bridge
  broom bubble bucket buffalo butter button cabin cable cactus camel camera candle canoe canyon
  carbon carpet carrot castle cavern cedar cello chair chalk cherry chess chimney cider cinema
  circle citrus city clarinet cliff cloud clover coast cobalt coconut coffee comet compass copper
  coral corner cotton cradle crane crater cricket crown crystal cup curtain cushion daisy dancer
  desert diamond dolphin donkey door dragon drum eagle early earth echo eclipse elbow elephant
  ember emerald engine envelope evening falcon farmer feather fern ferry fiddle field finger fjord
  flame flute forest fossil fountain fox galaxy garden garlic gecko geyser giant ginger glacier
  glove goblet gold goose granite grape gravel guitar hammer harbor harvest hazel hedge helmet
  heron hill honey horizon horse hotel igloo indigo island ivory ivy jacket jaguar jasmine jelly
  jewel jigsaw jungle kayak kettle kitchen kitten koala ladder lagoon lake lantern lava lawn lemon
  library lily lime linen lion lizard llama lobster locket lotus magnet mango maple marble market
  meadow melon mermaid meteor mirror mole monkey moon moss mountain muffin museum mushroom napkin
  needle nest north nougat nutmeg oak oasis oboe ocean olive onion opal orange orbit orchid organ
  otter oven owl oyster paddle palace panda paper parade parrot pasta pebble pelican pencil pepper
  piano picnic pigeon pillow pilot pine pirate planet plum pocket pony poplar poppy potato prairie
  prism puffin pumpkin puzzle pyramid quartz quilt rabbit raccoon radish raft rainbow raven reef
  ribbon river robin rocket rose ruby saddle saffron sail salmon sandal sapphire saturn school
  scooter seal shadow shell silver sketch sleigh snow soccer sparrow spider spinach spiral spoon
  spring square squirrel stable star stone storm stream sugar summer sunset swallow swan table
  tadpole tango temple thistle thunder tiger timber toast tomato topaz torch tower trail train
  trumpet tulip tundra tunnel turnip turtle valley vanilla velvet village violet violin volcano
  waffle wagon walnut walrus water wheat whistle willow window winter wizard wolf wood yacht
  yellow yogurt zebra zephyr
`
  .trim()
  .split(/\s+/);
